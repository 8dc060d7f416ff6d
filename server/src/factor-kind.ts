// The kinds of second factors. Nothing of ours is imported here, since store, pages and mails all name them.

/** Each kind of second factor, and its word in addresses and texts. For a new kind add a line. */
interface FactorWords {
  /** An authenticator app. */
  readonly totp: 'app'
  readonly passkey: 'passkey'
}

export type FactorKind = keyof FactorWords
export type FactorWord = FactorWords[FactorKind]
