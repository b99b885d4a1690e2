from collections import Counter

from network import Recogniser

model = Recogniser()
counter = Counter()
