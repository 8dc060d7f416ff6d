"""A page of Streamlit: who is signed in. It reads the Secret as .streamlit/secrets.toml."""

import streamlit as st

if not st.user.is_logged_in:
    st.button("Sign in", on_click=st.login)
else:
    st.button("Sign out", on_click=st.logout)
    st.write(f"{st.user.email} {st.user.name} {', '.join(st.user.get('groups', []))}")
