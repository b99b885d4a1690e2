part = "benchmarks of mine"
