import { showForeign } from '../../../server/src/http/branding/texts.ts'
import type { UsedSecret } from './secret-in-use.ts'

/** What the application keeps of a person who signed in. */
export interface SamplePerson {
  /** Of the ID token: what a logout token names. */
  readonly claims: { readonly sub: string; readonly sid: string | undefined }
  readonly tokens: {
    readonly id: string | undefined
    readonly access: string
    readonly refresh: string | undefined
    readonly scope: string | undefined
  }
  readonly userinfo: Readonly<Record<string, unknown>>
  readonly userinfoAt: number
}

export function renderHome(found: {
  signedIn: SamplePerson | undefined
  notice: string | undefined
  secret: UsedSecret
  rotate: string | undefined
  clientId: string
}): string {
  const { signedIn, notice, secret, rotate, clientId } = found
  const status = notice === undefined ? '' : `<p class="notice" role="status">${escape(notice)}</p>`
  const person = signedIn ? renderPerson(signedIn) : renderNobody()
  const tokens = signedIn ? renderTokens(signedIn) + renderUserinfo(signedIn) : ''
  return page('Sample application', `${status}${person}${renderSecret(secret, rotate, clientId)}${tokens}`)
}

export const renderFailed = (reason: string): string =>
  page(
    'This did not work',
    `<main class="card wide"><h1>This did not work</h1><div class="alert" role="alert"><p>${escape(reason)}</p></div><div class="actions"><a class="button" href="/">Back</a></div></main>`,
    'alone',
  )

export const renderWaiting = (): string =>
  page(
    'Waiting for the Secret',
    `<main class="card wide"><h1>Waiting for the Secret</h1><p>The Secret of this application is not there yet. It comes with its OIDCClient: <code>kubectl apply -f examples/clients/demo-web.yaml</code></p><div class="actions"><a class="button" href="/">Try again</a></div></main>`,
    'alone',
  )

const renderNobody = (): string => `<section class="card wide" aria-labelledby="who">
<h1 id="who">Nobody is signed in</h1>
<p>This application has nothing but its mounted Secret: issuer, client id, client secret.</p>
<div class="actions one"><a class="button" href="/login">Sign in</a></div>
</section>`

function renderPerson({ userinfo, tokens }: SamplePerson): string {
  const name = String(userinfo['name'] ?? userinfo['preferred_username'] ?? userinfo['sub'])
  const { email: address } = userinfo
  const email = typeof address === 'string' ? `<span class="login">${escape(address)}</span>` : ''
  const groups = Array.isArray(userinfo['groups']) ? (userinfo['groups'] as unknown[]).map(String) : []
  const refresh =
    tokens.refresh === undefined
      ? '<p class="hint">There is no refresh token: the client needs the grant refresh_token and the scope offline_access, and the person has to allow it.</p>'
      : ''
  return `<section class="card wide" aria-labelledby="who">
<h1 id="who">Signed in as <span id="name">${escape(name)}</span></h1>
<div class="who"><span class="avatar" aria-hidden="true">${escape(Array.from(name)[0]?.toUpperCase() ?? '?')}</span><span class="person"><span class="name">${escape(name)}</span>${email}</span>${groups.length > 0 ? `<span class="login">Groups: ${escape(groups.join(', '))}</span>` : ''}</div>
${refresh}
<p class="hint">How this sign-in was proved (<code>acr</code> or <code>amr</code>): <span id="acr">${escape(proofOf(tokens.id))}</span></p>
<div class="actions three">
<form method="post" action="/step-up"><button class="second">Ask for a second factor</button></form>
<form method="post" action="/refresh"><button class="second"${tokens.refresh === undefined ? ' disabled' : ''}>Refresh tokens</button></form>
<form method="post" action="/userinfo"><button class="second">Ask userinfo</button></form>
<form method="post" action="/logout"><button>Sign out</button></form>
</div>
</section>`
}

/** What the ID token says of it: `acr` where it was asked for, else the single proofs. */
function proofOf(idToken: string | undefined): string {
  const { acr, amr } = (idToken === undefined ? undefined : decodePart(idToken.split('.')[1] ?? '')) ?? {}
  if (typeof acr === 'string') return acr
  return Array.isArray(amr) ? amr.join(' ') : 'not said'
}

function renderSecret(secret: UsedSecret, rotate: string | undefined, clientId: string): string {
  const how =
    rotate === undefined
      ? 'Rotate the secret of this client, and it changes here while requests go on.'
      : `Type <code>${escape(rotate)}</code> in a terminal: it changes here while requests go on.`
  const count = (id: string, label: string, value: string | number) =>
    `<div><dt>${label}</dt><dd id="${id}">${escape(String(value))}</dd></div>`
  return `<section class="card wide" aria-labelledby="secret-title" id="secret" data-live="/live">
<h2 id="secret-title">The secret in use</h2>
<dl class="counts">
${count('secret-id', 'Secret', secret.id ?? 'none')}
${count('requests', 'Requests', secret.requests)}
${count('failures', 'Failures', secret.failures)}
</dl>
<p id="change" role="status">${secret.before === undefined ? '' : `It was ${escape(secret.before)} before.`}</p>
<p class="hint">${how} The client is ${escape(clientId)}. Of the secret you see the first characters of its digest, as logs and status show it. A mounted Secret follows a rotation by itself, so this program does not restart.</p>
<noscript><p class="hint">Without JavaScript the numbers are those of the moment: <a href="/#secret">look again</a>.</p></noscript>
</section>`
}

function renderTokens({ tokens }: SamplePerson): string {
  return `<section class="card wide" aria-labelledby="tokens">
<h2 id="tokens">Tokens</h2>
${tokens.scope === undefined ? '' : `<p>Granted scopes: ${escape(tokens.scope)}</p>`}
${renderToken('ID token', tokens.id, 'It says who signed in, to this application alone')}
${renderToken('Access token', tokens.access, 'With it this application asks userinfo and APIs')}
${renderToken('Refresh token', tokens.refresh, 'It gives new tokens while the person is away; each one works once')}
</section>`
}

/** @returns a token decoded when it is a JWT. Its signature was checked when it came. */
function renderToken(title: string, token: string | undefined, use: string): string {
  if (token === undefined) return ''
  const parts = token.split('.')
  const [header, payload] = parts.length === 3 ? parts.slice(0, 2).map(decodePart) : []
  if (!header || !payload) {
    return `<h3>${title}</h3><p class="hint">${use}. Only the server can read it; it begins with <code>${escape(token.slice(0, 8))}</code> and has ${token.length} characters.</p>`
  }
  return `<h3>${title}</h3><p class="hint">${use}. A JWT, signed by ${escape(String(header['alg']))} with the key <code>${escape(String(header['kid']))}</code>.</p>
${renderClaims(`Claims of the ${title}`, payload)}
<details><summary>As it is sent</summary><pre tabindex="0">${escape(token)}</pre></details>`
}

function decodePart(part: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Record<string, unknown>
  } catch {
    return undefined
  }
}

const renderUserinfo = ({
  userinfo,
  userinfoAt,
}: SamplePerson): string => `<section class="card wide" aria-labelledby="userinfo">
<h2 id="userinfo">Userinfo</h2>
<p class="hint">What the server said at ${escape(new Date(userinfoAt).toISOString().slice(11, 19))} UTC.</p>
${renderClaims('Claims of userinfo', userinfo)}
</section>`

const times = new Set(['iat', 'exp', 'nbf', 'auth_time', 'updated_at'])

function renderClaims(caption: string, claims: Readonly<Record<string, unknown>>): string {
  const rows = Object.entries(claims).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    const when =
      times.has(name) && typeof value === 'number'
        ? ` <span class="login">${new Date(value * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC</span>`
        : ''
    return `<tr><th scope="row">${escape(name)}</th><td>${showForeign(text)}${when}</td></tr>`
  })
  return `<table><caption class="hidden">${escape(caption)}</caption><tbody>${rows.join('')}</tbody></table>`
}

/** @param layout `alone`: the body brings its own main */
function page(title: string, body: string, layout: 'sections' | 'alone' = 'sections'): string {
  return `<!doctype html>
<html lang="en"><head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escape(title)}</title>
<link rel="stylesheet" href="/style.css">
<link rel="icon" href="data:,">
<script src="/live.js" defer></script>
</head><body>
<header class="brand"><span class="mark" aria-hidden="true">S</span><span>Sample application</span></header>
${layout === 'alone' ? body : `<main class="sections">${body}</main>`}
</body></html>
`
}

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
