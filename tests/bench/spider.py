"""The Scrapy peer of the benchmark: follow every link of one host and, if
asked to, take the same three CSS fields from every page as crawldeck does.
Writes the number of pages it got to the file `pages`.

    scrapy runspider spider.py -a start=URL [-a fields=1 -O records.jsonl]
"""

from urllib.parse import urlsplit

import scrapy
from scrapy.http import HtmlResponse
from scrapy.linkextractors import LinkExtractor


class Peer(scrapy.Spider):
    name = "peer"
    custom_settings = {
        "LOG_ENABLED": False,
        "ROBOTSTXT_OBEY": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1024,
        "DOWNLOAD_DELAY": 0,
        "AUTOTHROTTLE_ENABLED": False,
        "COOKIES_ENABLED": False,
        "RETRY_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        # Breadth first, as the others crawl.
        "DEPTH_PRIORITY": 1,
        "SCHEDULER_DISK_QUEUE": "scrapy.squeues.PickleFifoDiskQueue",
        "SCHEDULER_MEMORY_QUEUE": "scrapy.squeues.FifoMemoryQueue",
    }

    def __init__(self, start, fields="", **kwargs):
        super().__init__(**kwargs)
        self.start_urls = [start]
        self.allowed_domains = [urlsplit(start).hostname]
        self.fields = bool(fields)
        self.links = LinkExtractor()
        self.pages = 0

    def parse(self, response):
        if not isinstance(response, HtmlResponse):
            return
        self.pages += 1
        if self.fields:
            yield {
                "url": response.url,
                "title": response.css("title").xpath("normalize-space()").get(),
                "heading": response.css("h1").xpath("normalize-space()").get(),
                "about": response.css("meta[name=description]::attr(content)").get(),
            }
        for link in self.links.extract_links(response):
            yield scrapy.Request(link.url)

    def closed(self, reason):
        with open("pages", "w") as file:
            file.write(f"{self.pages}\n")
