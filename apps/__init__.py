"""What runs on top of the package: servers and pages."""
