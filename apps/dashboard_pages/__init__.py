"""The pages of the dashboard: each module has a function `show` that draws one."""
