"""One type for labelled faces, and where they come from: FER-2013, FER+, the survey, downloads."""
