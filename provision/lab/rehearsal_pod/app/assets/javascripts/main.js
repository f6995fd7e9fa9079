// Shows times in the reader's own time zone.
document.querySelectorAll("article > a").forEach(function (link) {
  link.textContent = new Date(link.textContent).toLocaleString();
});
