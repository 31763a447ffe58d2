// Fetch this page anew and swap its content, so that the scroll position stays. Behind YARN's proxy the list isn't above us.
if (/\/jobs\/[^/]+\/[^/]+\/(runs\/\d+\/)?$/.test(location.pathname)) for (const e of document.querySelectorAll("[data-up]")) e.hidden = false;
const busy = () => document.hidden || String(getSelection());
const atEnd = () => innerHeight + scrollY > document.body.scrollHeight - 60;
const toEnd = () => document.querySelector("pre.log") && scrollTo(0, document.body.scrollHeight);
toEnd();
const renew = async () => {
  const answer = await fetch(location.href, {signal: AbortSignal.timeout(30000)});
  if (!answer.ok) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (busy()) return;
  const follows = atEnd(), open = [...document.querySelectorAll("details")].map((e) => e.open);
  document.querySelector("main").replaceWith(page.querySelector("main"));
  document.querySelectorAll("details").forEach((e, at) => { e.open = open[at]; });
  if (follows) toEnd();
};
// One request at a time, and a page that is slow to come is asked for the more rarely.
const turn = async () => {
  const began = Date.now();
  if (!busy()) await renew().then(() => { delete document.body.dataset.stale; }, () => { document.body.dataset.stale = "1"; });
  setTimeout(turn, Math.max(2000, 4 * (Date.now() - began)));
};
setTimeout(turn, 2000);
