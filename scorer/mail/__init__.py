"""How mails look: templates, rendered to HTML by way of MJML, and as plain text."""
