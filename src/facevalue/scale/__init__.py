"""Work that outgrows one process: a Dask cluster, folder scoring, storage, tuning."""
