"""A report on snapshots as one page of HTML, which shows itself offline and asks nobody for anything.

markup      elements out of parts, text escaped
tables      tables with bars in them
tree        the prefixes as data for the pictures, and the form of that data
parts       the sections of the page
verdicts    the answers for targets, in words
page        all of it in page.html, with page.css and page.js
report      the call: files in, page out
"""
