"""The course's website: how notebooks, pages and tables of the repository become its pages."""
