"""Every sentence that the grader says, in English and Chinese, and how pages are made of them."""
