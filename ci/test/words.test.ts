import { globSync, readFileSync } from 'node:fs'
import { expect } from 'chai'

// Words that make a reader stop, on every page for people. The pages of settings, errors, fields, metrics and commands are written from the code,
// so this holds for its texts too. STYLE.md section 7 has the sentences.

const pages = globSync(['*.md', 'docs/**/*.md', 'charts/nauthera/*.md', 'examples/**/*.md', 'site/*.md'], {
  // STYLE.md shows what not to write; a decision keeps the words of its time
  exclude: [
    'STYLE.md',
    'docs/adr/**',
    'docs/tree.md',
    'docs/measurements.md',
    'docs/measurements-chain.md',
    'docs/measurements/**',
    '**/node_modules/**',
  ],
})

/** The help of our commands stands in blocks of these. */
const helpPages = ['docs/cli.md', 'docs/plugin.md']

/** Without blocks of code, comments and addresses of links. @param inline what stands for inline code */
const proseOf = (page: string, inline = ''): string =>
  readFileSync(page, 'utf8')
    .replaceAll(/<!--[^]*?-->/g, '')
    .replaceAll(helpPages.includes(page) ? /^```\w*$/gm : /^( *)```[^]*?^\1```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, inline)
    .replaceAll(/\]\([^)]*\)/g, ']')

const words: readonly (readonly [RegExp, string])[] = [
  [/\bbelongs? into\b/gi, 'belongs in'],
  [/\bof before\b/gi, 'previous, earlier'],
  [/\banew\b/gi, 'again'],
  [/, since (?!when\b|then\b|whether\b)/gi, 'because'],
  [/\b(mend(s|ed)?)\b/gi, 'fix'],
  [/\b(ends? to be|lately)\b/gi, 'the plain verb'],
  [/\blog(s|ged|ging)? (in|out)\b(?! the namespace)/gi, 'sign in, sign out'],
  [/\b(whitelist|blacklist)\w*\b/gi, 'list'],
  [/\b(simply|obviously|utili[sz]e\w*|in order to)\b/gi, 'nothing, or use, or to'],
  [/\bemail address/gi, 'e-mail address'],
  [/\b(two|multi)-factor\b/gi, 'second factor'],
  [/\bwhoever\b/gi, 'who, people who, anybody who'],
  // "the password alone" is English; "takes the header alone" is read twice
  [/(?<!password |session |it |these |fail |left |let )\balone\b/gi, 'only, before what it limits'],
]

/** What the product says: texts in quotes, without those that a comment has. */
const saidIn = (file: string): string =>
  [
    ...readFileSync(file, 'utf8')
      .replaceAll(/^\s*(?:\/\/|\/?\*).*$/gm, '')
      .matchAll(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/g),
  ]
    .map(([text]) => text)
    .filter((text) => text.includes(' '))
    .join('\n')
const products = globSync('{server,operator,config-agent,runtime,rules}/src/**/*.ts').filter(
  (file) => !file.includes('/generated/'),
)
const english = ['server/locales/en.json']

/** Names as their owners do not write them. The words of a product that stand in code, in a file's name or in an address are no prose. */
const names: Readonly<Record<string, RegExp>> = {
  Kubernetes: /\bkubernetes\b|\b[Kk]8[Ss]\b|\bKubernets\b/g,
  PostgreSQL: /\bPostgre(?:s|Sql| SQL)?\b|\bpostgres(?:ql)?\b/g,
  'OpenID Connect':
    /\bOpen ?I[dD]-Connect\b|\bOpenId\b(?! Connect Authentication)|\bOpenid\b|\bOpen ID\b|\bopenid connect\b|\bOidc\b/g,
  OAuth: /\bO[Aa]uth (?:2\b(?!\.)|v2)|\bOauth\b|\bOAUTH\b/g,
  GitHub: /\bGithub\b|\bGit Hub\b|\bgithub\b/g,
  GitLab: /\bGitlab\b|\bgitlab\b/g,
  'Argo CD': /\bArgo ?cd\b|\bArgoCD\b|\bargo cd\b/g,
  Flux: /\bFlux ?CD\b|\bflux\b/g,
  Valkey: /\bvalkey\b|\bValKey\b/g,
  Keycloak: /\bKeyCloak\b|\bkeycloak\b|\bKeycloack\b/g,
  Grafana: /\bgrafana\b|\bGraphana\b/g,
  Prometheus: /\bprometheus\b/g,
  PgBouncer: /\bP[gG]bouncer\b|\bpgbouncer\b|\bPGBouncer\b/g,
  RabbitMQ: /\bRabbit ?Mq\b|\bRabbit MQ\b|\brabbitmq\b/g,
  JavaScript: /\bJavascript\b|\bjavascript\b/g,
  TypeScript: /\bTypescript\b|\btypescript\b/g,
  'Node, Node.js': /\bNode ?JS\b|\bnodejs\b|\bNodejs\b/g,
  'Next.js': /\bNext ?JS\b|\bNextjs\b/g,
  WebAuthn: /\bWebAuthN\b|\bWebauthn\b|\bwebauthn\b/g,
  HAProxy: /\bHAproxy\b|\bHa[Pp]roxy\b|\bhaproxy\b/g,
  nginx: /\bNginx\b|\bNGINX\b/g,
  macOS: /\bMac ?OS\b|\bMacos\b/g,
  'LDAP, JSON, YAML, JWT, DPoP, PKCE': /\b(?:Ldap|ldap|Json|json|Yaml|yaml|Jwt|jwt|DPOP|Dpop|Pkce|pkce)\b/g,
}

/** Made from the code: a value stands as it is typed. */
const pagesOfValues = [
  ...helpPages,
  'docs/fields.md',
  'docs/settings.md',
  'docs/libraries.md',
  'charts/nauthera/README.md',
]

describe('the names of the pages', () => {
  for (const [name, wrong] of Object.entries(names))
    it(`are written ${name}`, () => {
      const found = pages
        .filter((page) => !pagesOfValues.includes(page))
        .flatMap((page) =>
          [...proseOf(page).matchAll(wrong)]
            .filter(({ 0: word, index, input }) =>
              isProse(input.slice(index - 1, index), input.slice(index + word.length)),
            )
            .map(
              ({ index, input }) =>
                `${page}: ${input.slice(Math.max(0, index - 30), index + 40).replaceAll('\n', ' ')}`,
            ),
        )
      expect(found).to.deep.equal([])
    })
})

/** A word between these signs is a part of a file's name, an option or an address. */
const isProse = (before: string, after: string): boolean =>
  !/[-./@_:]/.test(before) && !/^(?:[-/@_:]\w|\.\w|:\/\/|@|=)/.test(after)

describe('the words of the pages', () => {
  for (const [unwanted, instead] of words)
    it(`are not ${unwanted.source}, but: ${instead}`, () => {
      const texts = [
        ...pages.map((page) => [page, proseOf(page)] as const),
        ...[...products, ...english].map((file) => [file, saidIn(file)] as const),
      ]
      const found = texts.flatMap(([file, prose]) =>
        [...prose.matchAll(unwanted)].map(({ 0: word, index, input }) => {
          const around = input.slice(Math.max(0, index - 30), index + word.length + 30).replaceAll('\n', ' ')
          return `${file}: ${around}`
        }),
      )
      expect(found).to.deep.equal([])
    })

  const lengthOf = (sentence: string) => [...sentence.matchAll(/[\w'’-]+/g)].length
  /** Whole sentences, to their full stop: a colon or a semicolon ends none. A cell, an item and a heading do. Inline code counts as a word. */
  const sentencesOf = (page: string) =>
    proseOf(page, 'code')
      .split(/(?<=[.!?][\])"”*]*)\s+|\||\n\s*\n|\n(?= *(?:[-*#]|\d+\.) )/)
      .filter((sentence) => lengthOf(sentence) > 2)
  const averageOf = (page: string) => {
    const lengths = sentencesOf(page).map(lengthOf)
    return lengths.reduce((sum, length) => sum + length, 0) / lengths.length
  }

  it('are at most 20 a sentence on average, on each page', () => {
    const long = pages
      .map((page) => `${averageOf(page).toFixed(1)} ${page}`)
      .filter((row) => Number.parseFloat(row) > 20)
    expect(long).to.deep.equal([])
  })

  it('are at most 30 in any sentence', () => {
    const long = pages
      .filter((page) => !helpPages.includes(page))
      .flatMap((page) => sentencesOf(page).map((sentence) => ({ page, sentence })))
    expect(long.length).to.be.greaterThan(5000)
    expect(long.filter(({ sentence }) => lengthOf(sentence) > 30)).to.deep.equal([])
  })
})
