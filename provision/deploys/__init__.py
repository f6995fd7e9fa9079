"""Deploys: what a pod consists of on its host, declared through pyinfra."""
