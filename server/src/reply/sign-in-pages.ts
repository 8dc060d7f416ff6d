import type { ClientOnPage, DetailOnPage, Mistake, PasskeyOnPage, PersonOnPage, ScopeOnPage } from './on-page.ts'

/** The pages of a sign-in, of a consent and of a device. */
export interface SignInPages {
  'sign-in': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction?: string | undefined
    readonly username: string
    /** Why a person who is signed in is asked again. */
    readonly reason?: 'again' | 'ended' | 'other' | undefined
    /** Where a new password, or an account, can be asked for by mail. */
    readonly forgotUrl?: string | undefined
    readonly registerUrl?: string | undefined
    readonly mistakes: readonly Mistake[]
    readonly passkey?: PasskeyOnPage | undefined
    /** Other providers at which people sign in. */
    readonly upstreams?:
      | readonly {
          readonly id: string
          readonly name: string
          /** Which drawing stands for it when it has no logo. */
          readonly preset: string
          readonly action: string
        }[]
      | undefined
    /** An e-mail address alone can be enough: it leads to one of them. */
    readonly leadsByAddress?: boolean
    /** The person comes from a provider, and proves an account here to link it. */
    readonly linking?:
      | {
          readonly reason: 'email' | 'username' | 'unknown'
          /** How they are called there. */
          readonly label: string
          readonly name: string
          readonly id: string
        }
      | undefined
  }
  /** The person has proved an account here, and who they are at another provider. */
  'link-account': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction?: string | undefined
    readonly person: PersonOnPage
    readonly upstream: string
    readonly label: string
    /** It can be linked only by a sign-in with more than the password. */
    readonly factorFirst: boolean
    readonly mistakes: readonly Mistake[]
  }
  /** A link of an administrator, before it is used. */
  'login-link': {
    readonly action: string
    readonly switchAction: string
    readonly person: PersonOnPage
  }
  /** Leads on by itself. */
  'moving-on': {
    readonly location: string
    /** Another provider; without it the way goes on here. */
    readonly name?: string | undefined
  }
  'choose-account': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction?: string | undefined
    /** Who is signed in. */
    readonly person: PersonOnPage | undefined
    /** Whom this browser remembers. */
    readonly others: readonly Pick<PersonOnPage, 'username' | 'name'>[]
  }
  'change-password': {
    readonly client?: ClientOnPage | undefined
    readonly action: string
    readonly cancelAction?: string | undefined
    readonly person: PersonOnPage
    readonly minLength: number
    readonly maxLength: number
    readonly mistakes: readonly Mistake[]
  }
  consent: {
    readonly client: ClientOnPage
    readonly action: string
    readonly switchAction: string
    readonly person: PersonOnPage
    readonly scopes: readonly ScopeOnPage[]
    readonly details?: readonly DetailOnPage[]
    /** The application keeps its access until the person signs out. */
    readonly inSession?: boolean
    /** Whether "Remember this" is offered; else the person is asked each time. */
    readonly canRemember: boolean
    /** Stands for scopes and details in the answer. */
    readonly seen: string
    /** Host (or application scheme) that the person goes to; empty for a device. */
    readonly destination: string
    /** The answer goes to a program on the person's own device. */
    readonly loopback?: boolean
  }
  /** A person types the code that a device shows. */
  'device-code': {
    readonly action: string
    readonly userCode: string
    readonly mistakes: readonly Mistake[]
  }
  /** Whether the device is the person's own. */
  'confirm-device': {
    readonly client: ClientOnPage
    readonly action: string
    readonly userCode: string
    readonly scopes: readonly ScopeOnPage[]
    readonly details?: readonly DetailOnPage[]
    /** Who is signed in in this browser. */
    readonly person?: PersonOnPage | undefined
  }
  /** The account may not use this client. */
  refused: {
    readonly client: ClientOnPage
    readonly person: PersonOnPage
    readonly switchAction: string
    readonly cancelAction: string
  }
}
