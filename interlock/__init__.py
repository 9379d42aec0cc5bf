"""The composition root: settings, engines, wiring, command line. The only room that imports every other room."""
