print("the beginning")
while True:
    print("x" * 100_000)
