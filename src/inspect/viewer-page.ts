/** The page that the relay serves: Stately's own viewer in a frame, which is handed what comes over the WebSocket. */
const VIEWER = 'https://stately.ai';

export const viewerPage = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Baton in the Stately inspector</title>
<style>html, body, iframe { margin: 0; border: 0; width: 100%; height: 100%; display: block }</style>
<iframe title="Stately inspector" src="${VIEWER}/inspect"></iframe>
<script>
  const viewer = document.querySelector('iframe');
  let early = [];
  const show = (frame) => (early ? early.push(frame) : viewer.contentWindow.postMessage(frame, '${VIEWER}'));
  addEventListener('message', ({ origin, data }) => {
    if (origin !== '${VIEWER}' || data?.type !== '@statelyai.connected' || !early) return;
    const frames = early;
    early = undefined;
    frames.forEach(show);
  });
  new WebSocket('ws://' + location.host).onmessage = ({ data }) => show(JSON.parse(data));
</script>
</html>
`;
