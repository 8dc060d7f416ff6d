// Finds user names that look like an existing one. Ours follow UTS 39: the scripts of one name go together ("highly restrictive", section
// 5.2), and a name is not
// written in another alphabet with nothing but letters that look Latin. Letters of one alphabet that look alike (l and I) are not covered:
// see docs/adr/0022-people-of-our-own.md.

// of UAX 31, table 5: those in everyday use
const everyday =
  'Arab Armn Beng Bopo Cyrl Deva Ethi Geor Grek Gujr Guru Hang Hani Hebr Hira Kana Knda Khmr Laoo Latn Mlym Mymr Orya Sinh Taml Telu Thaa Thai Tibt'
const together = ['Latn Hani Hira Kana', 'Latn Hani Hang', 'Latn Hani Bopo']
const ofScripts = (scripts: string): RegExp =>
  new RegExp(
    `^[${[...scripts.split(' '), 'Zyyy', 'Zinh'].map((script) => `\\p{Script_Extensions=${script}}`).join('')}]*$`,
    'u',
  )
const wellMixed = [...everyday.split(' '), ...together].map(ofScripts)
/** Letters, marks and digits of any script; of all other characters those of ASCII. */
const plain = /^[\p{L}\p{M}\p{Nd}\x20-\x7e]*$/u
const letters = /[^\p{L}]+/gu
/** Letters of Cyrillic, Greek and Armenian that look like Latin ones, as browsers have them for the names of hosts. */
const latinLooking = /^[асԁеһіјӏорԛѕԝхуъЬҽпгѵѡАВСЕНІЈКМОРЅТХУҮԚԜӀѴ]+$|^[αινορυκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ]+$|^[ագզէլհյոսցօքֆՍՕ]+$/u

/** Whether a user name or an e-mail address can be taken for another one. What stands on each side of an @ is judged by itself. */
export const looksLikeAnother = (name: string): boolean =>
  !plain.test(name) ||
  name
    .normalize('NFKC')
    .split('@')
    .some((part) => !wellMixed.some((scripts) => scripts.test(part)) || latinLooking.test(part.replace(letters, '')))

/** As `looksLikeAnother`, of what a person is called. Other sources may call people so: a page that shows them to somebody else says it. */
export const isLookAlike = ({
  username,
  email,
}: {
  readonly username: string
  readonly email?: string | undefined
}): boolean => looksLikeAnother(username) || (email !== undefined && looksLikeAnother(email))
