"""Every sentence of the console in Chinese and English, by page. ``words.WORDS`` is all of them."""
