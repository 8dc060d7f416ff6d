import { defineAsyncComponent, h } from 'vue'
import theme from 'vitepress/theme-without-fonts'
import './style.css'

/** Only the home page has it. */
const Rotation = defineAsyncComponent(() => import('./Rotation.vue'))

export default { extends: theme, Layout: () => h(theme.Layout, null, { 'home-hero-after': () => h(Rotation) }) }
