// The site of docs/: scripts/site.ts puts the pages into site/pages, and menus.json beside them.
import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitepress'

const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))
const { version } = read('../../package.json')
const repository = process.env['NAUTHERA_REPOSITORY']

/** Of the theme: no page has sponsors, a team, advertisements, boxes of notes, tabs of code, or the search of another host. */
const unused =
  /@docsearch\/css|\/(vp-sponsor|custom-block|vp-code-group)\.css|\/VP(Team|Sponsors|HomeSponsors|DocAsideSponsors|CarbonAds|DocAsideCarbonAds|Badge|Social|NavBarSocial|NavScreenSocial|NavBarTranslations|NavScreenTranslations|NavScreenMenuGroup|MenuGroup|Image)\w*\.vue\?.*type=style/

export default defineConfig({
  title: 'Nauthera',
  description: 'An OpenID Connect provider for Kubernetes whose clients are Kubernetes objects',
  lang: 'en-GB',
  srcDir: 'pages',
  outDir: 'dist',
  cleanUrls: false,
  metaChunk: true,
  lastUpdated: false,
  ignoreDeadLinks: 'localhostLinks',
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  vue: { features: { optionsAPI: false } },
  // a page loads what it shows, and no page that it links to
  router: { prefetchLinks: false },
  vite: {
    build: { target: 'es2022' },
    plugins: [{ name: 'unused-styles', enforce: 'pre', load: (id) => (unused.test(id) ? '' : undefined) }],
  },
  markdown: {
    html: false,
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    // {{ }} of Helm in prose is text, not Vue
    config: (markdown) => {
      // the corner of a table has no heading
      markdown.core.ruler.push('table-corner', ({ tokens }) => {
        for (const [index, token] of tokens.entries())
          if (token.type === 'th_open' && tokens[index + 1]?.content === '') token.tag = tokens[index + 2]!.tag = 'td'
      })
      // a drawing is wider than a telephone: there it is moved with a finger, or with the keys
      markdown.core.ruler.push('drawings', ({ tokens }) => {
        for (const [index, token] of tokens.entries()) {
          const [picture, ...others] = tokens[index + 1]?.children ?? []
          if (token.type !== 'paragraph_open' || picture?.type !== 'image' || others.length > 0) continue
          token.attrSet('class', 'drawing')
          token.attrSet('tabindex', '0')
        }
      })
      // notes for who writes or tests a page
      markdown.core.ruler.push('comments', (state) => {
        const isComment = (index: number) => /^<!--[^]*-->$/.test(state.tokens[index]?.content ?? '')
        state.tokens = state.tokens.filter(
          ({ type }, index) =>
            !(type === 'paragraph_open' && isComment(index + 1)) &&
            !(type === 'inline' && isComment(index)) &&
            !(type === 'paragraph_close' && isComment(index - 1)),
        )
      })
      const { text } = markdown.renderer.rules
      markdown.renderer.rules.text = (...args) => text!(...args).replaceAll('{{', '&#123;&#123;')
      const { code_inline: code } = markdown.renderer.rules
      markdown.renderer.rules.code_inline = (tokens, index, ...rest) => {
        tokens[index]!.attrSet('v-pre', '')
        // a long name or list may break after its dots, lines, slashes, commas, brackets and signs of equality
        return code!(tokens, index, ...rest)
          .replace(/(?<=>[^<]*[^<\s][./,)=])(?=[\w&(])/g, '<wbr>')
          .replace(/(?<=>(?:[^<]|<wbr>)*[^<\s]_)(?=\w)/g, '<wbr>')
      }
    },
    anchor: {
      // as forges make them, so that a link works at both places
      slugify: (heading) =>
        heading
          .toLowerCase()
          .replace(/[^\p{L}\p{N}\s_-]/gu, '')
          .replaceAll(' ', '-'),
    },
  },
  themeConfig: {
    nav: [
      { text: 'Start', link: '/start' },
      { text: 'Reference', link: '/fields' },
      { text: version, link: '/changelog' },
    ],
    sidebar: read('../pages/menus.json'),
    outline: [2, 3],
    search: { provider: 'local' },
    ...(repository === undefined
      ? {}
      : {
          editLink: { pattern: ({ frontmatter }) => String(frontmatter['edit']), text: 'Show the source of this page' },
        }),
    docFooter: { prev: false, next: false },
    footer: { message: 'Apache License 2.0' },
  },
  // the home page of the theme has no landmark
  transformHtml: (html) => html.replace('class="VPContent is-home"', 'class="VPContent is-home" role="main"'),
})
