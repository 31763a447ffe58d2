
// Fetch this page anew and swap its content, so that the scroll position stays. Behind YARN's proxy the list isn't above us.
if (/\/jobs\/[^/]+\/[^/]+\/(runs\/\d+\/)?$/.test(location.pathname)) for (const e of document.querySelectorAll("[data-up]")) e.hidden = false;
const atEnd = () => innerHeight + scrollY > document.body.scrollHeight - 60;
const toEnd = () => document.querySelector("pre.log") && scrollTo(0, document.body.scrollHeight);
toEnd();
setInterval(async () => {
  if (document.hidden || String(getSelection())) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer || !answer.ok) { document.body.dataset.stale = "1"; return; }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const follows = atEnd(), open = [...document.querySelectorAll("details")].map((e) => e.open);
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.querySelectorAll("details").forEach((e, at) => { e.open = open[at]; });
  if (follows) toEnd();
}, 2000);
