"""What the cockpit shows in a browser: each page as a typed view, and the templates that write it as HTML."""
