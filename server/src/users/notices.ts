// Builds the mails about changes of an account, which the same statement queues.
import { paths } from '@nauthera/rules/endpoints'
import type { AskedFrom } from '../describe-agent.ts'
import type { Mail } from '../mails.ts'
import { ownSource } from '../store/people/user.ts'
import type { User } from '../store/people/user.ts'
import { languageOf } from './person-on-page.ts'

/** Whom a mail is about. */
type Told = Pick<User, 'id' | 'username' | 'name' | 'email' | 'locale' | 'preferences'>

interface Happened {
  /** Names the change among all of this kind. */
  readonly key: string
  readonly at: Date
  readonly asked?: AskedFrom | undefined
  /** Of the request. */
  readonly languages?: readonly string[] | undefined
}

const about = (user: Told, { at, asked }: Happened) => ({
  person: user.name ?? user.username,
  at: at.toISOString(),
  asked,
})

/** @returns undefined for somebody without an e-mail address */
export function passwordChangedMail(user: Told, happened: Happened): Mail | undefined {
  const template = 'password-changed'
  return user.email === undefined
    ? undefined
    : { template, ...addressed(user, template, happened), to: user.email, data: about(user, happened) }
}

/** Only a mail says that the account is locked: the mailbox is the person's, while the page answers everybody alike.
 *  @param minutes how long it is locked */
export function lockedMail(user: Told & Pick<User, 'source'>, happened: Happened, minutes: number): Mail | undefined {
  const template = 'locked'
  // a new password lifts the lock
  const path = user.source === ownSource ? paths.forgot : undefined
  const data = { ...about(user, happened), minutes, path }
  return user.email === undefined
    ? undefined
    : { template, ...addressed(user, template, happened), to: user.email, data }
}

/** A sign-in from a browser that the person has not used. @param client its name */
export function newDeviceMail(user: Told, happened: Happened & { asked: AskedFrom }, client: string): Mail | undefined {
  const template = 'new-device'
  const { asked } = happened
  return user.email === undefined
    ? undefined
    : {
        template,
        ...addressed(user, template, happened),
        to: user.email,
        data: { ...about(user, happened), asked, client },
      }
}

const addressed = (user: Told, template: string, { key, languages = [] }: Happened) => ({
  onceKey: `${template}:${user.id}:${key}`,
  languages: languagesFor(user, languages),
})

/** @param wished by the request
 *  @returns the person's own language first */
export const languagesFor = (
  user: Pick<User, 'locale' | 'preferences'>,
  wished: readonly string[],
): readonly string[] => [languageOf(user), ...wished].filter((language) => language !== undefined)
