"""What is fast and what is slow here, measured side by side on one machine; `python -m benchmarks`."""
