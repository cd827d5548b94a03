"""Do the images of three planes belong to one material?"""
