// Fetch this page anew and swap its content, so that the scroll position stays. Behind YARN's proxy the list isn't above us.
if (/\/jobs\/[^/]+\/[^/]+\/(runs\/\d+\/)?$/.test(location.pathname)) for (const e of document.querySelectorAll("[data-up]")) e.hidden = false;
const busy = () => document.hidden || String(getSelection());
const atEnd = () => innerHeight + scrollY > document.body.scrollHeight - 60;
const toEnd = () => document.querySelector("pre.log") && scrollTo(0, document.body.scrollHeight);
toEnd();
const renew = async () => {
  const answer = await fetch(location.href, {signal: AbortSignal.timeout(30000)});
  if (!answer.ok && answer.status !== 404) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html"), main = page.querySelector("main");
  if (!main) throw new Error("not a page of ours");
  if (busy()) return;
  over = !page.querySelector("script");
  const follows = atEnd(), open = [...document.querySelectorAll("details")].map((e) => e.open);
  document.querySelector("main").replaceWith(main);
  document.querySelectorAll("details").forEach((e, at) => { e.open = open[at]; });
  if (follows) toEnd();
};
// What has come to an end isn't asked for again: such a page brings no script.
let over = false;
// One request at a time, and a page that is slow to come is asked for the more rarely.
const turn = async () => {
  const began = Date.now();
  if (!busy()) await renew().then(() => { delete document.body.dataset.stale; }, () => { document.body.dataset.stale = "1"; });
  if (!over) setTimeout(turn, Math.max(2000, 4 * (Date.now() - began)));
};
setTimeout(turn, 2000);
