// The board refreshes itself: each server-sent event is the board's HTML, rendered and escaped by the server.
const live = document.getElementById("live");
if (live) {
  const source = new EventSource(live.dataset.source);
  source.onmessage = (event) => {
    // Do not pull a button away from under a finger, nor lose the place of a keyboard.
    if (!live.contains(document.activeElement)) live.innerHTML = JSON.parse(event.data);
  };
  source.onopen = () => live.classList.remove("stale");
  source.onerror = () => {
    live.classList.add("stale");
    const words = live.querySelector(".pulse span");
    if (words) words.textContent = live.dataset.stale;
    // Closed for good means that the login has to be renewed: the page's own address does that, silently.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  };
}
