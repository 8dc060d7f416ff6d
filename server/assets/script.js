// The one script of all pages. Every page works without it, but for passkeys: only a script can ask the browser for one.
for (const secret of document.querySelectorAll('[data-reveal]')) addReveal(secret)
addEventListener('submit', sendOnce)
const passkeyForm = document.getElementById('passkey-form')
if (passkeyForm) void offerPasskey(passkeyForm)
const codes = document.getElementById('recovery-codes')
if (codes) offerToKeep(codes)
tellTimeZone()

/** A button that shows what is typed into a password field. */
function addReveal(secret) {
  const input = secret.querySelector('input')
  const button = document.createElement('button')
  button.type = 'button'
  button.id = `reveal-${input.id}`
  button.textContent = secret.dataset.reveal
  button.setAttribute('aria-label', `${secret.dataset.reveal}: ${input.labels[0].textContent}`)
  button.setAttribute('aria-controls', input.id)
  const show = (isShown) => {
    const { selectionStart, selectionEnd } = input
    input.type = isShown ? 'text' : 'password'
    input.setSelectionRange(selectionStart, selectionEnd)
    button.setAttribute('aria-pressed', String(isShown))
  }
  // whoever is typing goes on typing
  button.addEventListener('mousedown', (event) => event.preventDefault())
  button.addEventListener('click', () => show(input.type === 'password'))
  // what is sent is a password for the browser too, and a page that comes back shows none
  input.form.addEventListener('submit', () => show(false))
  window.addEventListener('pageshow', () => show(false))
  show(false)
  secret.append(button)
}

/** Buttons that copy, save and print recovery codes. */
function offerToKeep(codes) {
  const lines = [...codes.querySelectorAll('code')].map(({ textContent }) => textContent)
  const tools = document.getElementById('recovery-codes-tools')
  const copy = document.getElementById('copy-codes')
  tools.hidden = false
  // only a page from https may write to the clipboard
  copy.hidden = !navigator.clipboard
  copy.addEventListener('click', () => {
    void navigator.clipboard.writeText(lines.join('\n')).then(() => {
      document.getElementById('codes-copied').textContent = tools.dataset.copied
    })
  })
  document.getElementById('download-codes').addEventListener('click', () => {
    const link = document.createElement('a')
    link.href = URL.createObjectURL(
      new Blob([`${codes.dataset.head}\n\n${lines.join('\n')}\n`], { type: 'text/plain' }),
    )
    link.download = codes.dataset.file
    link.click()
    URL.revokeObjectURL(link.href)
  })
  document.getElementById('print-codes').addEventListener('click', () => print())
}

/** Times are shown in the zone of the browser, to people who have none in their profile. */
function tellTimeZone() {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  const path = new URL('..', import.meta.url).pathname
  const secure = location.protocol === 'https:' ? '; secure' : ''
  if (timeZone) document.cookie = `nauthera_zone=${timeZone}; path=${path}; max-age=31536000; samesite=lax${secure}`
}

/** Stops the second click of a double click: the form would be sent twice, and its sign-in is over with the first. */
function sendOnce(event) {
  const { target } = event
  if (event.defaultPrevented) return
  if (Date.now() - Number(target.dataset.sent ?? 0) < 1000) event.preventDefault()
  else target.dataset.sent = Date.now()
}

/** Asks the browser for a passkey, and sends its answer with the form that is there anyway. */
async function offerPasskey(form) {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return
  const button = document.getElementById('passkey')
  const failed = document.getElementById('passkey-failed')
  let waiting

  async function ask(mediation) {
    waiting?.abort()
    waiting = new AbortController()
    const { signal } = waiting
    const options = JSON.parse(form.dataset.options)
    const credential =
      form.dataset.mode === 'create'
        ? await navigator.credentials.create({
            publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options),
            signal,
          })
        : await navigator.credentials.get({
            publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options),
            mediation,
            signal,
          })
    form.elements.credential.value = JSON.stringify(credential.toJSON())
    if (form.elements.remember) form.elements.remember.value = document.getElementById('remember')?.checked ? 'on' : ''
    form.submit()
  }

  form.hidden = false
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    failed.hidden = true
    button.disabled = true
    ask()
      .catch(() => {
        failed.hidden = false
        // the button that had the focus was disabled meanwhile
        failed.focus()
      })
      .finally(() => (button.disabled = false))
  })
  // passkeys among the suggestions for the user name; whoever types a name never notices
  const canSuggest = form.dataset.mode === 'suggest' && (await PublicKeyCredential.isConditionalMediationAvailable?.())
  if (canSuggest) await ask('conditional').catch(() => undefined)
}
