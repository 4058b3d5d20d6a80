"""What tests of pages share: a reader of HTML, and words that would break it."""

import base64
from html.parser import HTMLParser

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)> $\\frac{$ & \"'"


class Reader(HTMLParser):
    """Collect what a page loads, links to and says."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in {"meta", "link", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    def values(self, *names):
        return [value for _, name, value in self.attributes if name in names]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def pictures_of(page):
    """Decode the pictures of a page."""
    sources = [v for t, n, v in Reader(page).attributes if (t, n) == ("img", "src")]
    return [base64.b64decode(source.split(",", 1)[1]) for source in sources]
