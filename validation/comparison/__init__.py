"""A volume beside real subvolumes of the material: errors, sampling error, verdict."""
