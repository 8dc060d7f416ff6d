import { h } from 'vue'
import theme from 'vitepress/theme-without-fonts'
import Rotation from './Rotation.vue'
import './style.css'

export default { extends: theme, Layout: () => h(theme.Layout, null, { 'home-hero-after': () => h(Rotation) }) }
