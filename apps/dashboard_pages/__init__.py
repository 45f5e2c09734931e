"""The pages of the dashboard; the function `show` of a page's module draws it."""
