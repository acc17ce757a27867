"""Reports of runs: records, summaries over seeds, tables and figures."""
