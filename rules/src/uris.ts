// Checks the URIs that a client names: browsers and this server follow them.

/** Loopback (RFC 8252 section 7.3): the one place where http is safe. */
export const loopbackHosts: readonly string[] = ['localhost', '127.0.0.1', '[::1]']

const secure = 'must be https, or http on localhost, 127.0.0.1 or [::1]'

/** Exact redirects only (RFC 9700 section 2.1, RFC 8252 section 7).
 *  @returns what is wrong; undefined when nothing is */
export function redirectFault(uri: string, type: string): string | undefined {
  // a browser reads `https:host` as a path of the page that it comes from
  if (!URL.canParse(uri) || /^https?:(?!\/\/[^/])/i.test(uri)) return 'must be an absolute URI'
  const url = new URL(uri)
  // eslint-disable-next-line no-control-regex -- a control character must not reach a Location header
  if (/[\s\\\u0000-\u001f\u007f]/.test(uri)) return 'must have no space, backslash or control character'
  if (uri.includes('#')) return 'must have no fragment'
  if (uri.includes('*')) return 'must have no *: redirects are compared character by character'
  if (url.username !== '' || url.password !== '' || /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*@/i.test(uri))
    return 'must not hold a user name or password'
  const isLoopback = loopbackHosts.includes(url.hostname)
  const isNative = type === 'Native'
  switch (url.protocol) {
    case 'https:':
      return isNative && isLoopback ? 'must be http on localhost, 127.0.0.1 and [::1]' : undefined
    case 'http:':
      return isLoopback ? undefined : secure
    default:
      return isNative && /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(url.protocol) ? undefined : secure
  }
}

/** @returns what is wrong with the origin of a page whose scripts may call the server; undefined when nothing is */
export function originFault(origin: string): string | undefined {
  const url = URL.parse(origin)
  if (url === null || url.origin === 'null') return 'must be an origin such as https://app.example.com'
  if (url.origin !== origin) return `must be written as browsers do: ${url.origin}`
  return url.protocol === 'https:' || (url.protocol === 'http:' && loopbackHosts.includes(url.hostname))
    ? undefined
    : secure
}

export const isHttpsUrl = (text: string): boolean => URL.parse(text)?.protocol === 'https:'

/** An e-mail address as a form of HTML takes it. Source: WHATWG HTML, "valid e-mail address". */
export const emailPattern = "^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9-]+([.][a-zA-Z0-9-]+)*$"
