// The one script of all pages: asks the browser for a passkey, and sends its answer with the form that is there anyway.
const form = document.getElementById('passkey-form')
const button = document.getElementById('passkey')
const failed = document.getElementById('passkey-failed')
const isNew = form.dataset.mode === 'create'
let waiting

async function ask(mediation) {
  waiting?.abort()
  waiting = new AbortController()
  const { signal } = waiting
  const options = JSON.parse(form.dataset.options)
  const credential = isNew
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

async function start() {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return
  form.hidden = false
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    failed.hidden = true
    button.disabled = true
    ask()
      .catch(() => (failed.hidden = false))
      .finally(() => (button.disabled = false))
  })
  // passkeys among the suggestions for the user name; whoever types a name never notices
  const canSuggest = form.dataset.mode === 'suggest' && (await PublicKeyCredential.isConditionalMediationAvailable?.())
  if (canSuggest) await ask('conditional').catch(() => undefined)
}

void start()
