// The secret in use and the requests with it, as they come. Without JavaScript the page shows them as they were.
const panel = document.querySelector('[data-live]')

if (panel) {
  const show = (id, value) => {
    const element = document.getElementById(id)
    if (element && element.textContent !== String(value)) element.textContent = String(value)
  }
  let known = document.getElementById('secret-id')?.textContent
  const events = new EventSource(panel.dataset.live)
  events.addEventListener('message', ({ data }) => {
    const { id, before, since, requests, failures, lastFailure } = JSON.parse(data)
    show('secret-id', id ?? 'none')
    show('requests', requests)
    show('failures', failures)
    // said aloud by screen readers: only when the secret changes, not at each request
    if (id && known && id !== known) {
      const at = new Date(since).toLocaleTimeString()
      const failed = failures === 0 ? 'no request failed' : `${failures} requests failed, the last one: ${lastFailure}`
      show('change', `New secret ${id} since ${at}, before it was ${before}: ${failed}.`)
      document.getElementById('secret-id')?.parentElement?.classList.add('new')
    }
    known = id
  })
  addEventListener('pagehide', () => events.close())
}
