import '@fontsource/ibm-plex-sans/latin-400.css'
import '@fontsource/ibm-plex-sans/latin-500.css'
import '@fontsource/ibm-plex-sans/latin-600.css'
import '@fontsource/ibm-plex-mono/latin-400.css'
import './styles/tokens.css'
import './styles/base.css'

import { mount } from 'svelte'

import { borrow, lend } from './api/lend'
import App from './App.svelte'
import { events } from './lib/events.svelte'

await borrow()
mount(App, { target: document.getElementById('app')! })
lend(() => events.state !== 'denied', () => location.reload())
