"""Face Value: facial emotion recognition, taught in six notebooks."""
