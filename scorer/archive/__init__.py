"""Raw events kept as Parquet files, by day and partition: see docs/archive.md."""
