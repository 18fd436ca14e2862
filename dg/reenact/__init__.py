"""Photographs and videos of one's own: `python -m dg reenact`, and the same from Python as `dg.Reenactor`.

faces      finds the face in a picture and cuts it out as the pipeline does
networks   F_l, E_f, IDSG and RFG, of any checkpoints
reenactor  a source's face on a reference's landmarks
layout     what is shown: the painted crop, the source's own frame, source and reference beside it, the mark
made       a picture that was made, and the steps to it
clip       a clip's frames in order, with their times
smoothing  landmarks over time
segments   a long video in pieces, so that it goes on where it stopped
video      a clip as reference
command    the command line
onnx       IDSG and RFG for other programs
"""
