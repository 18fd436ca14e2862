"""A page for the browser that reenacts pictures: `python -m dg demo`.

sliders   what yaw, pitch, mouth, smile and blink do to a reference's landmarks
people    the examples: people who do not exist, rendered as the page starts
uploads   an uploaded file -> pixels, or why not
studio    the pictures that the page knows, and what it makes of them
guard     who may ask, and how much at once
server    the page and its three answers
command   the command line

Nothing is written to disk: what was uploaded lies in memory until newer pictures take its place or the page ends. By
aiohttp, which comes with DVC, and a page of this folder: libraries that bring a page of their own (gradio, NiceGUI,
Streamlit) cost 12 to 27 packages more, and gradio serves files by their paths and asks other machines for fonts and
statistics unless told not to.
"""
