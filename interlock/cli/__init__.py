"""The command line: `interlock NOUN VERB`. One module per noun, or per verb that needs none."""
