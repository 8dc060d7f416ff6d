// Regular expressions that CEL and the operator share. All are linear and mean the same in RE2 and in JavaScript.
import { hiddenRanges } from '@nauthera/runtime/hidden-characters'

/** @returns whether the value matches, outside of a rule */
export const matches = (value: string, pattern: string): boolean => compiled(pattern).test(value)

const cache = new Map<string, RegExp>()
function compiled(pattern: string): RegExp {
  let expression = cache.get(pattern)
  if (!expression) cache.set(pattern, (expression = new RegExp(pattern, 'u')))
  return expression
}

/** 0 to 65535. */
const port = ':(6553[0-5]|655[0-2][0-9]|65[0-4][0-9][0-9]|6[0-4][0-9][0-9][0-9]|[0-5][0-9][0-9][0-9][0-9]|[0-9]{1,4})'
const octet = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
/** A host name whose last label begins with a letter, or an IP address: browsers refuse `app.127.0.0.1`, and read `127.1` as an address. */
const host = `(([A-Za-z0-9_-]+[.])*[A-Za-z]([A-Za-z0-9-]*[A-Za-z0-9])?|${octet}([.]${octet}){3}|\\[[0-9A-Fa-f:.]+\\])(${port})?`
const loopback = `(localhost|127[.]0[.]0[.]1|\\[::1\\])(${port})?`

/** A bare name as the identifier of an API. */
const apiName = '[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?'

export const patterns = {
  /** SHA-256 in base64url. */
  keyId: '^[A-Za-z0-9_-]{43}$',
  /** An https URI, or http on loopback. A prefix test would allow http://localhost.evil.com. */
  secureUri: `^(https://|http://${loopback}([/?]|$))`,
  /** The same, or a reverse-domain scheme of an installed application (RFC 8252 section 7.1). */
  nativeUri: `^(https://|http://${loopback}([/?]|$)|[a-z][a-z0-9+-]*([.][a-z0-9+-]+)+:/[^/])`,
  /** Printable ASCII without `"`, `#`, `*`, `<`, `>`, `\`. */
  uriCharacters: '^[!$-)+-;=?-\\[\\]-~]+$',
  /** A URI with userinfo (`user@host`). */
  userinfo: '^[a-z][a-z0-9+.-]*://[^/?]*@',
  /** https on loopback, for which no CA issues certificates (RFC 8252 section 7.3). */
  secureLoopback: `^https://${loopback}([/?]|$)`,
  /** An authority that is a host and at most a port; other schemes pass. */
  namedHost: `^(https?://${host}([/?]|$)|[a-z][a-z0-9+-]*[.][a-z0-9.+-]*:/)`,
  httpsUri: `^https://${host}([/?][!$-)+-;=?-\\[\\]-~]*)?$`,
  /** The part of an https URI from its path on. */
  path: '^/[!$-)+-;=?-\\[\\]-~]*$',
  httpsOrUrn: `^(https://${host}([/?][!$-)+-;=?-\\[\\]-~]*)?|urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:[!$-)+-;=?-\\[\\]-~]+)$`,
  /** Of an API: also one on this machine, or a bare name, which a policy has to list. A name has no dot: client ids that we make have one. */
  apiIdentifier: `^(${apiName}|https://${host}([/?][!$-)+-;=?-\\[\\]-~]*)?|urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:[!$-)+-;=?-\\[\\]-~]+|http://${loopback}([/?][!$-)+-;=?-\\[\\]-~]*)?)$`,
  apiName: `^${apiName}$`,
  /** Browsers write hosts in small letters. */
  origin: `^(https://${host.replaceAll('A-Za-z', 'a-z').replaceAll('A-F', '')}|http://${loopback})$`,
  /** Only characters that need no encoding in HTTP Basic. */
  clientId: '^[A-Za-z0-9._~-]{3,200}$',
  uuid: '^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$',
  /** RFC 6749 section 3.3. */
  scope: '^[!#-\\[\\]-~]+$',
  /** RFC 3339, in the years that people mean. */
  time: '^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$',
  /** The two joiners and U+FE0F stay: some scripts and emoji need them. */
  plainText: `^[^${hiddenRanges}]*$`,
  /** What the API server takes as a key of a Secret: not `.`, and nothing that begins with `..`. */
  dataKey: '^([-_A-Za-z0-9][-._A-Za-z0-9]{0,252}|[.][-_A-Za-z0-9][-._A-Za-z0-9]{0,251})$',
  /** A namespace, or every one. */
  namespace: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$',
  namespaceOrAll: '^([*]|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)$',
  secretName: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
  metadataKey: '^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$',
  labelValue: '^([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$',
  timeZone: '^[A-Za-z0-9+_-]+(/[A-Za-z0-9+_-]+){0,2}$',
  /** Five fields of minutes, hours, days, months, weekdays; the operator checks their ranges. */
  cron: '^[-0-9*,/]+( [-0-9*,/]+){2} [-0-9A-Za-z*,/]+ [-0-9A-Za-z*,/]+$',
  /** A host name with a dot, in small letters: no address, no wildcard, not localhost. */
  hostName: '^([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]([a-z0-9-]*[a-z0-9])?$',
  /** `.apps.example.com` or `app.example.com`. */
  hostSuffix: '^[.]?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$',
  /** The same, with a port where it is not that of https. */
  documentHost:
    '^[.]?[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?([.][A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]{1,5})?$',
} as const
