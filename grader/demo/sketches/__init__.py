"""How an object of each class is drawn."""
