"""What the numbers of docs/performance.md are measured with: `python -m benchmarks`."""
