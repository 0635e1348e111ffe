"""The web page: server-rendered, readable without JavaScript. How to add a page is in ``docs/web.md``."""
