"""Commands that measure one environment: ratios, scaling, processes and soak."""
