// The codes of `status.refusals`: why a server refuses a request in the name of a client. Servers classify, operators report.

/** What a refusal shows beside its code. */
type Detail = 'uri' | 'words'

interface RefusalKind {
  readonly meaning: string
  /** What to compare or to do. It never says what to allow: anybody can send a request in the name of a client. */
  readonly hint: string
  /** How its detail is made harmless: an address loses its query, its fragment and its user. */
  readonly detail: Detail
}

export const refusalKinds = {
  ACR_NOT_REACHED: {
    meaning: 'The request needs a sign-in that nobody can have here, such as a second factor that is not offered.',
    hint: 'Compare `acr_values` and `claims` of the request with what discovery lists as `acr_values_supported`.',
    detail: 'words',
  },
  ASSERTION_REFUSED: {
    meaning: 'The JWT with which a program wanted to prove itself was refused; the detail says why.',
    hint: "Compare its `iss`, `sub`, `aud`, `iat`, `exp`, algorithm and key with the client, and the program's clock with the time here.",
    detail: 'words',
  },
  AUDIENCE_NOT_GRANTED: {
    meaning: 'A request named an API that the client may not call.',
    hint: 'Compare `resource` of the request with spec.audiences; the condition AudiencesGranted says which are granted.',
    detail: 'uri',
  },
  AUTHORIZATION_DETAILS_REFUSED: {
    meaning: 'The `authorization_details` of a request are not of a form that their API has declared.',
    hint: 'Compare the `authorization_details` of the request with what the API declares (docs/authorization-details.md).',
    detail: 'words',
  },
  AUTH_METHOD_NOT_REGISTERED: {
    meaning: 'A program used an authentication method that the client does not have.',
    hint: 'Change the method in the program: it must be the one of spec.auth.method.',
    detail: 'words',
  },
  CERTIFICATE_REFUSED: {
    meaning: 'The certificate of a program was refused, or none came with the request; the detail says why.',
    hint: 'Compare the certificate with spec.auth, and ask at the address for certificates (docs/mutual-tls.md).',
    detail: 'words',
  },
  CODE_REFUSED: {
    meaning: 'An authorization code was used before, has expired, or does not exist.',
    hint: 'Redeem a code once, within a minute. Look for a program that sends a request twice, such as after a reload.',
    detail: 'words',
  },
  CODE_VERIFIER_WRONG: {
    meaning: 'The `code_verifier` of a program does not belong to the `code_challenge` of its request (PKCE).',
    hint: 'Look at where the program keeps the verifier between the two requests: each sign-in has one of its own.',
    detail: 'words',
  },
  DPOP_PROOF_REFUSED: {
    meaning: 'The DPoP proof of a request was refused; the detail says why.',
    hint: "Compare `htm`, `htu`, `iat` and the key of the proof with the request, and the program's clock with the time here.",
    detail: 'words',
  },
  GRANT_NOT_ALLOWED: {
    meaning: 'A request asked for a grant or a response type that the client does not have.',
    hint: 'Compare `grant_type` or `response_type` of the request with spec.type and spec.grantTypes.',
    detail: 'words',
  },
  LOGOUT_URI_NOT_LISTED: {
    meaning: 'A sign-out was to return to an address that the client does not list.',
    hint: 'Compare `post_logout_redirect_uri` with spec.postLogoutRedirectURIs, character by character.',
    detail: 'uri',
  },
  ORIGIN_NOT_LISTED: {
    meaning: 'A script asked from an origin that the client does not list.',
    hint: 'Compare the origin of the page with spec.corsOrigins: scheme, host and port. A program without a back end is of type SPA.',
    detail: 'uri',
  },
  PERSON_NOT_ALLOWED: {
    meaning: 'A person who may not use the client wanted to sign in.',
    hint: 'Compare the groups of the person with spec.access.allowedGroups and the policies of the client.',
    detail: 'words',
  },
  PKCE_MISSING: {
    meaning: 'A sign-in request came without PKCE, or with another method than S256.',
    hint: 'Turn PKCE (S256) on in the program; docs/integrations names the setting for many programs.',
    detail: 'words',
  },
  PUSHED_REQUEST_REFUSED: {
    meaning: 'A pushed request was used before, has expired, or is missing where the client must push.',
    hint: 'Compare the way in which the program begins a sign-in with spec.profile (FAPI2 must push).',
    detail: 'words',
  },
  REDIRECT_URI_DIFFERS: {
    meaning: 'A program redeemed a code with another redirect URI than it asked with.',
    hint: 'Compare `redirect_uri` of the two requests of the program: both must be the same.',
    detail: 'uri',
  },
  REDIRECT_URI_NOT_LISTED: {
    meaning: 'A sign-in request used a redirect URI that the client does not list.',
    hint: 'Compare it with spec.redirectURIs, character by character. If the request is yours, correct the program.',
    detail: 'uri',
  },
  REFRESH_TOKEN_REFUSED: {
    meaning: 'A refresh token was used before, was revoked, has expired, or its person may no longer sign in.',
    hint: 'Look for two instances of the program that share one refresh token; else the person must sign in again.',
    detail: 'words',
  },
  REQUEST_MALFORMED: {
    meaning: 'A request breaks a rule of the protocol; the detail says which.',
    hint: 'Read the detail, and the specification of the endpoint that it names.',
    detail: 'words',
  },
  REQUEST_OBJECT_REFUSED: {
    meaning: 'The signed request (`request`) was refused; the detail says why.',
    hint: 'Compare its claims, algorithm and key with the client (RFC 9101).',
    detail: 'words',
  },
  SCOPE_NOT_GRANTED: {
    meaning: 'A request asked for a scope that the client does not have.',
    hint: 'Compare `scope` of the request with spec.scopes; the condition AudiencesGranted says what APIs grant.',
    detail: 'words',
  },
  SECRET_ENDED: {
    meaning: 'A program used an old client secret that is no longer valid. The detail is its id.',
    hint: 'Restart the program, or let it read its Secret again: it still uses the secret from before a rotation.',
    detail: 'words',
  },
  SECRET_WRONG: {
    meaning: 'Somebody showed a client secret that this client never had.',
    hint: "Compare the program's secret with the Secret of the client: its id is the start of its SHA-256 (status.secret.activeId).",
    detail: 'words',
  },
  TOKEN_OF_OTHER_CLIENT: {
    meaning: 'A program used a code or a token that another client was given.',
    hint: 'Look for two clients whose settings are mixed in one program.',
    detail: 'words',
  },
} as const satisfies Readonly<Record<string, RefusalKind>>

export type RefusalCode = keyof typeof refusalKinds

export const isRefusalCode = (code: string): code is RefusalCode => Object.hasOwn(refusalKinds, code)

/** Whose word it is: of a program that has proved itself as the client, or of anybody, since client ids are public. */
export type RefusedBy = 'Client' | 'Anyone'

export const refusalLimits = {
  /** Clients at a replica of which only anybody has spoken, and as many of which a program spoke that proved itself. */
  clients: 500,
  /** Details of one code of a client: of its own places, and as many of others. */
  places: { Client: 1, Anyone: 3 },
  /** Characters of a detail. */
  detail: 200,
  /** A refusal is told until so long after the last one. Milliseconds. */
  keptMs: 3_600_000,
  /** Counts and times are told anew after so long. Milliseconds. */
  renewMs: 300_000,
} as const satisfies { readonly places: Readonly<Record<RefusedBy, number>> } & Readonly<Record<string, unknown>>

/** Codes in the status of one client: each has its place for each `by`, so that none pushes out another. */
export const mostRefusals = 2 * Object.keys(refusalKinds).length
